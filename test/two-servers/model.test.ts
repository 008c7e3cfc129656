import { FILES } from './files'
import { overTwoServers } from './run'

overTwoServers(FILES.model)
