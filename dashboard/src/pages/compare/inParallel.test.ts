import { expect, test } from 'vitest'
import { inGroups, inParallel } from './inParallel'

test('answers come in the order of the items, a few calls at a time', async () => {
  let underWay = 0
  let most = 0
  const answers = await inParallel([...Array(20).keys()], async (item) => {
    most = Math.max(most, ++underWay)
    // What is asked first may be answered last.
    for (let turn = item; turn < 20; turn++) await Promise.resolve()
    underWay--
    return item * 2
  })
  expect(answers).toEqual([...Array(20).keys()].map((item) => item * 2))
  expect(most).toBe(4)
})

test('after a refusal nothing more is asked', async () => {
  const asked: number[] = []
  const refused = inParallel([...Array(20).keys()], async (item) => {
    asked.push(item)
    await Promise.resolve()
    throw new Error(`no ${item}`)
  })
  await expect(refused).rejects.toThrow('no 0')
  expect(asked).toEqual([0, 1, 2, 3])
})

test('groups hold so many each', () => {
  expect(inGroups([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]])
  expect(inGroups([], 2)).toEqual([])
})
