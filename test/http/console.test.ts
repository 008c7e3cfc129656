import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config'
import { takesGzip } from '../../src/http/bundle'
import { start, startCommon } from '../harness'

const HOST = '127.0.0.1'

const dataOf = (page: string, name: string): string | undefined =>
  new RegExp(`<html[^>]* data-${name}="([^"]*)"`).exec(page)?.[1]

describe('the console', () => {
  const serverOf = startCommon()

  test('may run what it brings, and ask its own host, alone', async () => {
    const response = await serverOf().http('/console')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy.split('; ')).toContainValues([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ])
    expect(await response.text()).not.toMatch(/<script>|<style|style=/)
  })

  test('is sent with gzip to whoever takes it, and stays for good', async () => {
    const page = await serverOf().http('/console')
    const text = await page.text()
    const assets = [...text.matchAll(/(?:src|href)="(console\/[^"]+)"/g)].map(([, name]) => name!)
    expect(assets.length).toBeGreaterThanOrEqual(2)
    for (const asset of assets)
      for (const encoding of ['gzip', 'identity']) {
        const url = new URL(asset, page.url)
        const headers = { 'accept-encoding': encoding }
        const answer = await fetch(url, { headers, decompress: false })
        const bytes = await answer.bytes()
        expect(answer.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null)
        expect(answer.headers.get('vary')).toContain('accept-encoding')
        expect(answer.headers.get('cache-control')).toContain('immutable')
        const plain = encoding === 'gzip' ? Bun.gunzipSync(bytes) : bytes
        expect(plain).toEqual(await (await fetch(url)).bytes())
      }
  })

  test('draws its first page with less than 100 KB of script and style, as sent', async () => {
    const page = await serverOf().http('/console')
    const loaded = (await page.text()).matchAll(/(?:src|href)="(console\/[^"]+)"/g)
    let bytes = 0
    for (const [, asset] of loaded) {
      const headers = { 'accept-encoding': 'gzip' }
      const answer = await fetch(new URL(asset!, page.url), { headers, decompress: false })
      bytes += (await answer.bytes()).length
    }
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(100_000)
  })

  test('loads from where it is, with and without a slash', async () => {
    for (const path of ['/console', '/console/']) {
      const page = await serverOf().http(path)
      const [, script = ''] = /<script[^>]* src="([^"]+)"/.exec(await page.text()) ?? []
      expect((await fetch(new URL(script, page.url))).headers.get('content-type')).toContain(
        'javascript',
      )
    }
    expect((await serverOf().http('/console/other')).status).toBe(404)
  })
})

test('at an address for admins the console connects to that of clients', async () => {
  await using server = await start({ config: { adminListen: { host: HOST, port: 0 } } })
  const answer = await server.adminHttp('/console')
  const at = `${HOST}:${server.port}`
  expect(answer.headers.get('content-security-policy')).toEndWith(`connect-src 'self' ws://${at}`)
  const page = await answer.text()
  expect(dataOf(page, 'public')).toBe(`http://${at}`)
  expect(dataOf(page, 'split')).toBe('true')
  expect((await server.http('/console')).status).toBe(404)
  expect((await server.adminHttp('/console/public/up')).status).toBe(200)
})

test('at an address for admins a Host that is none reaches neither the page nor its policy', async () => {
  await using server = await start({ config: { adminListen: { host: HOST, port: 0 } } })
  const hosts = [
    '%22onload=alert(1)',
    'a;script-src',
    "a'b",
    'a,b',
    '[::::]',
    '1.2.3.4.5',
    'a b',
    '',
  ]
  for (const host of hosts) {
    const answer = await server.adminHttp('/console', { headers: { host } })
    expect([host, answer.status]).toEqual([host, 200])
    expect(answer.headers.get('content-security-policy')).toEndWith(`; connect-src 'self'`)
    const page = await answer.text()
    expect([dataOf(page, 'public'), dataOf(page, 'split')]).toEqual(['', 'true'])
  }
})

test('the URL of the settings is where clients connect', async () => {
  const publicUrl = 'https://push.example.org/ws'
  await using server = await start({ config: { publicUrl } })
  const answer = await server.http('/console')
  expect(answer.headers.get('content-security-policy')).toEndWith(' wss://push.example.org')
  const page = await answer.text()
  expect([dataOf(page, 'public'), dataOf(page, 'split')]).toEqual([publicUrl, ''])
})

test.each([
  ['https://push.example.org/', 'https://push.example.org'],
  ['http://10.0.0.1:6001/ws/', 'http://10.0.0.1:6001/ws'],
])('CARILLON_PUBLIC_URL=%s is %s', (text, url) => {
  expect(readConfig({ CARILLON_PUBLIC_URL: text }).publicUrl).toBe(url)
})

test.each([
  'push.example.org',
  'ftp://a',
  'https://a?b',
  'https://a#b',
  'https://u:p@a',
  'https://a"b',
  'https://a%22b',
  'https://',
])('CARILLON_PUBLIC_URL=%s is refused', (text) => {
  expect(() => readConfig({ CARILLON_PUBLIC_URL: text })).toThrow('CARILLON_PUBLIC_URL')
})

test.each([
  ['gzip', true],
  ['br, gzip', true],
  ['gzip;q=0.5, br', true],
  ['*', true],
  ['GZIP', true],
  ['gzip;q=0', false],
  ['gzip; q=0.000, br', false],
  ['br', false],
  ['', false],
  ['x-gzip', false],
])('accept-encoding %p takes gzip: %p', (encoding, takes) => {
  const headers = { 'accept-encoding': encoding }
  expect(takesGzip(new Request(`http://${HOST}/`, { headers }))).toBe(takes)
})
