import type { SavedView } from '@contract/workspace'
import { describe, expect, it, test } from 'vitest'
import { currentOf, idFor, lookThrough, namedOf, orderOf } from './views'

const view = (name: string, filter: string, columns: string[] = [], orderBy = '') =>
  ({ name: `projects/demo/savedViews/${name}`, filter, columns, orderBy }) as unknown as SavedView

describe('the view that one looks through', () => {
  const all = view('all', '')
  const failed = view('failed', 'state = FAILED')
  const wide = view('wide', 'state = FAILED', ['state', 'run', 'labels'])

  it('is the one that says what the address does', () => {
    expect(currentOf([all, failed, wide], lookThrough(wide))).toBe(wide)
    expect(currentOf([all, failed, wide], { q: 'state = FAILED' })).toBe(failed)
    expect(currentOf([all, failed, wide], {})).toBe(all)
  })

  it('is the one that the address names, of two that say the same', () => {
    const same = view('same', 'state = FAILED')
    expect(currentOf([failed, same], lookThrough(same))).toBe(same)
    expect(currentOf([failed, same], lookThrough(failed))).toBe(failed)
    expect(currentOf([failed, same], { q: 'state = FAILED', view: 'gone' })).toBe(failed)
  })

  it('is told by its order from others of the same runs', () => {
    const oldest = view('oldest', 'state = FAILED', [], 'create_time')
    const newest = view('newest', 'state = FAILED', [], 'create_time desc')
    expect(lookThrough(oldest).order).toBe('create_time')
    expect(currentOf([failed, oldest], lookThrough(oldest))).toBe(oldest)
    expect(currentOf([oldest, newest], { q: 'state = FAILED' })).toBe(newest)
    expect(currentOf([failed, oldest], { q: 'state = FAILED', order: 'size' })).toBe(failed)
  })

  it('is still named where something else is shown by now', () => {
    const left = { ...lookThrough(failed), q: 'state = RUNNING' }
    expect(currentOf([all, failed], left)).toBeUndefined()
    expect(namedOf([all, failed], left)).toBe(failed)
    expect(namedOf([all, failed], { q: 'state = RUNNING' })).toBeUndefined()
  })

  it('is none where none says so', () => {
    expect(currentOf([failed, wide], {})).toBeUndefined()
    expect(currentOf([failed], { q: 'state = FAILED', columns: 'run' })).toBeUndefined()
  })
})

test.each([
  [undefined, ''],
  ['create_time desc', ''],
  ['uid', ''],
  ['create_time', 'create_time'],
  [' create_time  asc ', 'create_time'],
])('the order that %j means', (said, order) => {
  expect(orderOf(said)).toBe(order)
})

describe('the id of a new view', () => {
  it.each([
    ['Failed today', /^failed-today-[0-9a-f]{8}$/],
    ['  3rd try!! ', /^rd-try-[0-9a-f]{8}$/],
    ['<img src=x>', /^img-src-x-[0-9a-f]{8}$/],
    ['失敗', /^view-[0-9a-f]{8}$/],
    ['-'.repeat(99), /^view-[0-9a-f]{8}$/],
    ['x'.repeat(128), /^x{40}-[0-9a-f]{8}$/],
  ])('of %j is one that the contract takes', (title, id) => {
    expect(idFor(title)).toMatch(id)
  })
})
