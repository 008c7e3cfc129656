/** What browsers and programs call themselves (`User-Agent`), in few words. */

type Row = readonly [name: string, pattern: RegExp]

/** The first that fits: most of them name others as well. */
const BROWSERS: readonly Row[] = [
  ['Edge', /\bEdgA?\/(\d+)/],
  ['Opera', /\bOPR\/(\d+)/],
  ['Samsung Internet', /\bSamsungBrowser\/(\d+)/],
  ['Firefox', /\b(?:Firefox|FxiOS)\/(\d+)/],
  ['Chromium', /\bHeadlessChrome\/(\d+)/],
  ['Chrome', /\b(?:Chrome|CriOS)\/(\d+)/],
  ['Safari', /\bVersion\/(\d+)[\d.]* .*\bSafari\//],
]

const SYSTEMS: readonly Row[] = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['macOS', /\bMac OS X\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Linux', /\bLinux\b/],
]

/** `Firefox 143 on Linux`; what is no browser in its own words: `curl/8.14.1`. */
export function describeAgent(agent: string): string {
  for (const [browser, pattern] of BROWSERS) {
    const [, version] = pattern.exec(agent) ?? []
    if (version === undefined) continue
    const system = SYSTEMS.find(([, fits]) => fits.test(agent))
    return `${browser} ${version}${system ? ` on ${system[0]}` : ''}`
  }
  return agent || 'a program without a name'
}
