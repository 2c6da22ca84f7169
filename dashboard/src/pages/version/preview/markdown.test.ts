import { expect, test } from 'vitest'
import { blocksOf, inlinesOf } from './markdown'

const types = (text: string) => blocksOf(text).map(({ type }) => type)
const text = (words: string) => ({ type: 'text', text: words })

test('blocks end where others begin', () => {
  const page =
    '# Title\nwords\nand more\n\n- a\n- b\n\n> said\n\n```py\n# no title\n```\n---\n| a | b |\n|---|---|\n| 1 | 2 |'
  expect(types(page)).toEqual(['heading', 'paragraph', 'list', 'quote', 'code', 'line', 'table'])
})

test('a list has items, and lists in them', () => {
  const [list] = blocksOf('1. one\n   - inner\n2. two\n\nafter')
  expect(list).toMatchObject({ type: 'list', isOrdered: true })
  expect(list?.type === 'list' && list.items.map((item) => item.map(({ type }) => type))).toEqual([
    ['paragraph', 'list'],
    ['paragraph'],
  ])
})

test('a table has a cell for each column', () => {
  const [table] = blocksOf('a | b\n--|--\n1 | `x`')
  expect(table).toEqual({
    type: 'table',
    head: [[text('a')], [text('b')]],
    rows: [[[text('1')], [{ type: 'code', text: 'x' }]]],
  })
})

test('words are strong, and others not', () => {
  expect(inlinesOf('a **b** snake_case_name *c*')).toEqual([
    text('a '),
    { type: 'strong', inside: [text('b')] },
    text(' snake_case_name '),
    { type: 'em', inside: [text('c')] },
  ])
})

test('links lead to pages alone', () => {
  expect(inlinesOf('[a](https://a.example)')[0]).toMatchObject({ type: 'link', href: 'https://a.example' })
  for (const bad of ['[a](javascript:alert(1))', '[a](data:text/html,x)', '[a](//a.example)'])
    expect(inlinesOf(bad).map(({ type }) => type)).not.toContain('link')
})

test('markup is text', () => {
  const hostile = '<img src=x onerror=alert(1)>'
  expect(blocksOf(hostile)).toEqual([{ type: 'paragraph', inside: [text(hostile)] }])
})

test('what never ends is read to its end', () => {
  for (const part of ['> ', '- ', '**', '[', '`', '  - '])
    expect(blocksOf(part.repeat(2000)).length).toBeLessThan(3)
})
