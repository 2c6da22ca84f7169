import { expect, test } from 'vitest'
import { piecesOf } from './ansi'

const ESC = '\u001b'

test('a plain line is one piece', () => {
  expect(piecesOf('loss=0.1 <b>')).toEqual([{ text: 'loss=0.1 <b>', styles: [] }])
  expect(piecesOf('')).toEqual([])
})

test('colours last until they are taken back', () => {
  expect(piecesOf(`${ESC}[1;31mbad${ESC}[0m and ${ESC}[92mgood`)).toEqual([
    { text: 'bad', styles: ['red', 'bold'] },
    { text: ' and ', styles: [] },
    { text: 'good', styles: ['green'] },
  ])
})

test('colours of tables are skipped whole, and what follows them counts', () => {
  expect(piecesOf(`${ESC}[38;5;31;4mx${ESC}[38;2;1;2;31my`)).toEqual([
    { text: 'x', styles: ['underlined'] },
    { text: 'y', styles: ['underlined'] },
  ])
})

test.each([
  ['moves of the cursor', `a${ESC}[2Kb${ESC}[10;4Hc`, 'abc'],
  ['titles of windows', `a${ESC}]0;owned\u0007b`, 'ab'],
  ['links', `${ESC}]8;;http://evil.example${ESC}\\here${ESC}]8;;${ESC}\\`, 'here'],
  ['bells and zeros', 'a\u0000\u0007b', 'ab'],
  ['progress bars', '10%\r50%\r100%', '100%'],
  ['ends of lines', '100%\r', '100%'],
])('%s are dropped', (_, line, text) => {
  expect(
    piecesOf(line)
      .map((piece) => piece.text)
      .join(''),
  ).toBe(text)
})
