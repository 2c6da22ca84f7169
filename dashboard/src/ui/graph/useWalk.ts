import { useReactFlow } from '@xyflow/react'
import { type KeyboardEvent, useCallback, useEffect, useRef } from 'react'
import { type Direction, type Graph, NODE_HEIGHT, NODE_WIDTH, type Place } from './useLayout'

type Way = 'up' | 'down' | 'before' | 'after'
const WAYS: Record<Direction, Record<string, Way>> = {
  LR: { ArrowLeft: 'up', ArrowRight: 'down', ArrowUp: 'before', ArrowDown: 'after' },
  TB: { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'before', ArrowRight: 'after' },
}

/** How much of a graph is shown at first. */
export const FIT = { maxZoom: 1, minZoom: 0.5, padding: 0.08 }

type Walk = {
  graph: Graph
  places: Map<string, Place> | undefined
  direction: Direction
  onOpen: (id: string) => void
}

/** Brings a box into sight, with the focus on it. */
function useGoTo() {
  const flow = useReactFlow()
  return useCallback(
    (id: string, { x, y }: Place) => {
      void flow.setCenter(x + NODE_WIDTH / 2, y + NODE_HEIGHT / 2, { zoom: flow.getZoom() })
      // Nodes out of sight are drawn once they are in it.
      requestAnimationFrame(() => focus(id))
    },
    [flow],
  )
}

/** Opens boxes: one around which the graph is drawn anew stays in sight, and what is left of a graph. */
export function useOpening(places: Map<string, Place> | undefined, onOpen: (id: string) => unknown) {
  const goTo = useGoTo()
  const { fitView } = useReactFlow()
  const opened = useRef<string>(undefined)
  const count = useRef(0)
  useEffect(() => {
    const id = opened.current
    const place = id && places?.get(id)
    if (place) goTo(id, place)
    else if (places && places.size < count.current) void fitView(FIT)
    opened.current = undefined
    count.current = places?.size ?? 0
  }, [places, goTo, fitView])
  return (id: string) => {
    opened.current = onOpen(id) === true ? id : undefined
  }
}

/** Arrows walk from box to box, along edges and beside; Enter opens one. */
export function useWalk({ graph, places, direction, onOpen }: Walk) {
  const goTo = useGoTo()
  return (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>('.react-flow__node')?.dataset.id
    if (!id || !places) return
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      return onOpen(id)
    }
    const way = WAYS[direction][event.key]
    const next = way && neighbour(graph, places, direction, id, way)
    if (!next) return
    event.preventDefault()
    const place = places.get(next)
    if (place) goTo(next, place)
  }
}

function focus(id: string): void {
  document.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`)?.focus()
}

/** The next box that way; beside are those of the same rank. */
export function neighbour(
  { nodes, edges }: Graph,
  places: Map<string, Place>,
  direction: Direction,
  id: string,
  way: Way,
): string | undefined {
  if (way === 'up') return edges.find(({ target }) => target === id)?.source
  if (way === 'down') return edges.find(({ source }) => source === id)?.target
  const [along, across] = direction === 'LR' ? (['x', 'y'] as const) : (['y', 'x'] as const)
  const rank = places.get(id)?.[along]
  const peers = nodes
    .filter((node) => places.get(node.id)?.[along] === rank)
    .toSorted((a, b) => (places.get(a.id)?.[across] ?? 0) - (places.get(b.id)?.[across] ?? 0))
  const at = peers.findIndex((node) => node.id === id)
  return peers[at + (way === 'after' ? 1 : -1)]?.id
}
