/** FILES_OVER_REDIS: the files of the engine suite that hold over Redis; paths below `test`. */
import { FILES } from '../two-servers/files'

const LEFT_OUT: readonly string[] = [
  // Redis has no list of what an app keeps: that goes at its time, also where an app of the same id comes meanwhile.
  'http/history-of-apps',
]

export const FILES_OVER_REDIS: readonly string[] = Object.values<readonly string[]>(FILES)
  .flat()
  .filter((file) => !LEFT_OUT.includes(file))
