import { overTwoServers } from './run'

overTwoServers(['model'])
