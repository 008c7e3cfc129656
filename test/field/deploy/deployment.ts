/** The commands of docs/deployment.md, as they are printed. */
import { blocksOf, readPage, type Block } from '../../docs/pages'

/** Sections with commands, and the test that runs these in their order. */
export const SECTIONS = {
  'On a virtual machine': 'machine.test.ts',
  'In a container': 'image.test.ts plays the Dockerfile, ops.test.ts reads the options',
  'With Compose': 'image.test.ts starts with its settings, ops.test.ts compares the file',
  'On Kubernetes': 'ops.test.ts makes the secret and compares the manifests',
  'On a platform': 'platform.test.ts runs the Procfile',
} as const

/** Blocks that are not run as they are printed, by a text in them, with the reason. */
export const NOT_RUN: readonly (readonly [mark: string, why: string])[] = [
  ['scp ', 'there is one machine: the test builds, and puts the files where scp does'],
  [
    'apt-get ',
    'the machine has what this one has installed; ufw wants a packet filter in the kernel',
  ],
  ['docker ', 'there is no engine of containers; ops.test.ts has the client read the options'],
  ['kubectl ', 'there is no cluster; ops.test.ts makes the secret'],
  ['heroku ', 'there is no platform; ops.test.ts reads the settings'],
  [
    'certbot ',
    'an authority cannot reach the machine; the certificate is the one that is signed here',
  ],
]

/** The blocks of a section, in their order. @throws Error where there is no such heading */
export async function blocksBelow(heading: keyof typeof SECTIONS): Promise<readonly Block[]> {
  const page = await readPage('docs/deployment.md')
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`docs/deployment.md has no section "${heading}"`)
  return blocksOf(section)
}

export const isRun = ({ code }: Block): boolean => !NOT_RUN.some(([mark]) => code.includes(mark))
