// A layout that takes a moment for any size: ranks by the longest way, each rank ordered by what it follows.
//
// dagre draws nicer graphs, and takes minutes for thousands of nodes.
import type { LayoutQuestion, Place } from './useLayout'

const SWEEPS = 4
const BESIDE = 22
const BETWEEN = 90

export function layered({ nodes, edges, direction, width, height }: LayoutQuestion): Map<string, Place> {
  const sources = neighbours(nodes, edges, 'target', 'source')
  const targets = neighbours(nodes, edges, 'source', 'target')
  const ranks = byRank(nodes, sources)
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0
    const order = isDown ? ranks : ranks.toReversed()
    arrange(order, isDown ? sources : targets)
  }
  const [along, across] = direction === 'LR' ? [width, height] : [height, width]
  const places = new Map<string, Place>()
  for (const [rank, ids] of ranks.entries()) {
    for (const [at, id] of ids.entries()) {
      const deep = rank * (along + BETWEEN)
      const beside = (at - (ids.length - 1) / 2) * (across + BESIDE)
      places.set(id, direction === 'LR' ? { x: deep, y: beside } : { x: beside, y: deep })
    }
  }
  return places
}

type End = 'source' | 'target'

function neighbours(
  nodes: string[],
  edges: LayoutQuestion['edges'],
  of: End,
  to: End,
): Map<string, string[]> {
  const found = new Map<string, string[]>(nodes.map((id) => [id, []]))
  for (const edge of edges) found.get(edge[of])?.push(edge[to])
  return found
}

/** Nodes by the length of the longest way to them. Steps come after those that they wait for. */
function byRank(nodes: string[], sources: Map<string, string[]>): string[][] {
  const rankOf = new Map<string, number>()
  const ranks: string[][] = []
  for (const id of nodes) {
    const rank = (sources.get(id) ?? []).reduce(
      (most, source) => Math.max(most, (rankOf.get(source) ?? -1) + 1),
      0,
    )
    rankOf.set(id, rank)
    ranks[rank] ??= []
    ranks[rank].push(id)
  }
  // A step that stands before those it waits for may leave a rank empty.
  return ranks.filter(Boolean)
}

/** Orders each rank by the middle of its neighbours in the ranks before it. */
function arrange(ranks: string[][], neighbours: Map<string, string[]>): void {
  const place = new Map<string, number>()
  for (const ids of ranks) {
    const middle = new Map(ids.map((id, at) => [id, middleOf(neighbours.get(id) ?? [], place, at)]))
    ids.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0))
    for (const [at, id] of ids.entries()) place.set(id, at - (ids.length - 1) / 2)
  }
}

function middleOf(ids: string[], place: Map<string, number>, otherwise: number): number {
  const known = ids.flatMap((id) => place.get(id) ?? [])
  return known.length > 0 ? known.reduce((sum, each) => sum + each, 0) / known.length : otherwise
}
