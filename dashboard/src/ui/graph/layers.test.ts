import { expect, test } from 'vitest'
import { layered } from './layers'

const question = (nodes: string[], pairs: [string, string][]) => ({
  nodes,
  edges: pairs.map(([source, target]) => ({ id: `${source}>${target}`, source, target })),
  direction: 'LR' as const,
  width: 200,
  height: 50,
})

test('a step stands to the right of all that it waits for', () => {
  const pairs: [string, string][] = [
    ['a', 'b'],
    ['b', 'c'],
    ['a', 'c'],
    ['c', 'd'],
  ]
  const places = layered(question(['a', 'b', 'c', 'd'], pairs))
  for (const [source, target] of pairs) {
    expect(places.get(target)?.x).toBeGreaterThan(places.get(source)?.x ?? 0)
  }
})

test('no two steps stand in the same place, and lines that need not cross do not', () => {
  const lanes = [0, 1, 2, 3].map(String)
  const nodes = ['a', 'b'].flatMap((rank) => lanes.map((lane) => rank + lane))
  const places = layered(
    question(
      nodes,
      lanes.map((lane) => [`a${lane}`, `b${lane}`]),
    ),
  )
  expect(new Set([...places.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(nodes.length)
  for (const lane of lanes) expect(places.get(`a${lane}`)?.y).toBe(places.get(`b${lane}`)?.y)
})

test('five thousand steps have places, all of them', () => {
  const nodes = Array.from({ length: 5000 }, (_, at) => `s${at}`)
  const pairs = nodes.slice(50).flatMap((id, at): [string, string][] => [
    [`s${at}`, id],
    [`s${Math.floor(at / 50) * 50 + ((at * 7) % 50)}`, id],
  ])
  expect(layered(question(nodes, pairs)).size).toBe(5000)
})
