import { expect, test } from 'vitest'
import { readYaml, writeYaml } from './yaml'

test.each([
  [{ rate: 0.1, names: ['a', 'yes', '1', 'null', ''], deep: { none: null, is: true } }],
  [['2026-01-01', 'a\nb', '# no comment', '<script>', 'x: y']],
  [{}],
  ['text'],
])('what is written is read as it was: %j', (value) => {
  expect(readYaml(writeYaml(value))).toEqual(value)
})

test('it is YAML 1.2: only true and false are so, and dates are texts', () => {
  expect(readYaml('a: yes\nb: 2026-01-01\nc: 010\nd: true')).toEqual({
    a: 'yes',
    b: '2026-01-01',
    c: 10,
    d: true,
  })
})

test.each([
  ['a: [1', /line 1/],
  ['a: 1\na: 2', /unique/],
  ['a: .nan', /NaN is no JSON number/],
  ['- [.inf]', /Infinity is no JSON number/],
  ['a: *nobody', /nobody/],
])('what is none is refused in a line: %s', (text, words) => {
  expect(() => readYaml(text)).toThrow(words)
  expect(() => readYaml(text)).not.toThrow(/\n/)
})

test('a few lines do not become a billion', () => {
  const levels = 'abcdefghij'.split('').map((name, at, all) => {
    const below = all[at - 1]
    return `${name}: &${name} [${Array(10)
      .fill(below ? `*${below}` : 'x')
      .join(', ')}]`
  })
  expect(() => readYaml(levels.join('\n'))).toThrow(/alias/i)
})
