import { expect, test } from 'vitest'
import { clientInWords } from './browsers'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'

test.each([
  [`Mozilla/5.0 (X11; Linux x86_64) ${WEBKIT} Chrome/140.0.0.0 Safari/537.36`, 'Chrome on Linux'],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0`,
    'Edge on Windows',
  ],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 15.1; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on macOS'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari on iOS',
  ],
  ['grpc-python/1.85.1 grpc-c/58.0.0 (linux; chttp2)', 'grpc-python/1.85.1 grpc-c/58.0.0 (linux; chttp2)'],
  ['weft on a Firefox/1 laptop', 'weft on a Firefox/1 laptop'],
  ['', ''],
])('%j is %j', (userAgent, words) => {
  expect(clientInWords(userAgent)).toBe(words)
})
