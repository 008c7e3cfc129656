/**
 * What an executable brings along in place of files: our own configuration file, and what plugins import of the
 * package. A checkout has the files; `release/build.ts` puts a module with both in the place of this one.
 */
export type Embedded = {
  /** The default export of `carillon.config.ts`. */
  readonly config: unknown
  /** By the paths of `exports` in `package.json`. */
  readonly modules: Readonly<Record<string, object>>
}

export const EMBEDDED: Embedded | undefined = undefined
