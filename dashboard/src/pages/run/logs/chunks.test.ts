import type { LogLine } from '@contract/workspace'
import { expect, test } from 'vitest'
import { CHUNK, Chunks } from './chunks'

const lines = (chunk: number) =>
  Array.from({ length: CHUNK }, (_, at) => ({ offset: String(chunk * CHUNK + at) }) as LogLine)

test('each piece is asked for once, and again where it could not be read', () => {
  const chunks = new Chunks()
  expect(chunks.see(990, 1010)).toEqual([0, 1])
  expect(chunks.see(990, 1010)).toEqual([])
  chunks.missed(1)
  expect(chunks.see(990, 1010)).toEqual([1])
})

test('what is far from what is looked at is forgotten, and read again when it is come back to', () => {
  const chunks = new Chunks()
  for (let chunk = 0; chunk < 500; chunk += 1) {
    expect(chunks.see(chunk * CHUNK, chunk * CHUNK + 50)).toEqual([chunk])
    chunks.keep(lines(chunk))
  }
  const kept = Array.from({ length: 500 }, (_, chunk) => chunk).filter((chunk) => chunks.line(chunk * CHUNK))
  expect(kept.at(0)).toBe(474)
  expect(kept.at(-1)).toBe(499)
  expect(chunks.see(0, 50)).toEqual([0])
})

test('new lines at the end of a log of which the beginning is read do not pile up', () => {
  const chunks = new Chunks()
  chunks.see(0, 50)
  chunks.keep(lines(0))
  chunks.keep(lines(300))
  expect(chunks.line(0)?.offset).toBe('0')
  expect(chunks.line(300 * CHUNK)).toBeUndefined()
  expect(chunks.see(300 * CHUNK, 300 * CHUNK + 50)).toEqual([300])
})
