/** What Redis is shown, and shown by, where it speaks TLS: from the files that the settings name. */
import { createSecureContext } from 'node:tls'
import { CLUSTER_SETTINGS, type ClusterFiles } from '../../config/cluster-settings'
import { readPem } from '../../config/pem-file'
import { messageOf } from '../../core/errors'
import { RedisUnfit } from './away'
import type { RedisTls } from './dial'

const { redisCaFile, redisCertFile, redisKeyFile } = CLUSTER_SETTINGS

const refuse = (line: string): Error => new RedisUnfit(line)

/**
 * Reads the files, as they are now: on each connect, so that a certificate may be renewed.
 * @throws RedisUnfit with the setting that names a file that cannot be used
 */
export function readRedisTls(files: ClusterFiles): RedisTls {
  const read = ({ env }: { readonly env: string }, file: string | undefined) =>
    file === undefined ? undefined : readPem(env, file, refuse)
  const ca = read(redisCaFile, files.redisCaFile)
  const cert = read(redisCertFile, files.redisCertFile)
  const key = read(redisKeyFile, files.redisKeyFile)
  try {
    createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    })
  } catch (cause) {
    const named = [redisCaFile, redisCertFile, redisKeyFile].map(({ env }) => env).join(', ')
    throw new RedisUnfit(`${named}: one of these files cannot be used: ${messageOf(cause)}`)
  }
  return { ca, cert, key, serverName: files.redisServerName }
}
