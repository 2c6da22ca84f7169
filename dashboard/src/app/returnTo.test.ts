import { expect, test } from 'vitest'
import { ownPath } from './returnTo'

test.each(['/w/a/p/b/runs?q=x#L1', '/'])('%j is a path of ours', (path) => expect(ownPath(path)).toBe(path))

test.each([
  undefined,
  '',
  'https://evil.example',
  '//evil.example',
  '/\\evil.example',
  'javascript:alert(1)',
])('%j leads to the start', (path) => expect(ownPath(path)).toBe('/'))
