/** The console at `/console`: what happens on this server, and what operators change. No other host is contacted. */
import { render } from 'preact'
import { Shell } from './shell'

render(<Shell />, document.querySelector('#console')!)
