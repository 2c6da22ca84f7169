import { expect, test } from 'vitest'
import { rowsOf } from './csv'

test.each([
  [
    'a,b\n1,2\n',
    [
      ['a', 'b'],
      ['1', '2'],
    ],
  ],
  [
    'a,b\r\n1,2',
    [
      ['a', 'b'],
      ['1', '2'],
    ],
  ],
  ['"a, ""b""",c', [['a, "b"', 'c']]],
  ['"a\nb",', [['a\nb', '']]],
  [',\n\nx', [['', ''], [''], ['x']]],
  ['', []],
  ['a,"b"c\nd', [['a', '"b"c'], ['d']]],
])('%j', (text, rows) => expect(rowsOf(text)).toEqual(rows))
