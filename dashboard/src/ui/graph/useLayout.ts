import { useLayoutEffect, useMemo, useState } from 'react'
import { layered } from './layers'

export type GraphEdge = { id: string; source: string; target: string }
/** What is drawn: boxes that are told apart by an id, and lines between them. */
export type Graph<N extends { id: string } = { id: string }> = { nodes: N[]; edges: GraphEdge[] }

export type Direction = 'LR' | 'TB'
export type Place = { x: number; y: number }
export type LayoutQuestion = {
  nodes: string[]
  edges: GraphEdge[]
  direction: Direction
  width: number
  height: number
}
export type LayoutAnswer = { places: Map<string, Place> }

export const NODE_WIDTH = 210
export const NODE_HEIGHT = 52
// Beyond it, dagre takes longer than people wait.
const MOST_FOR_DAGRE = 120

/** Places of all nodes; computed anew when nodes or edges change, and not when states do. */
export function useLayout({ nodes, edges }: Graph, direction: Direction): Map<string, Place> | undefined {
  const [places, setPlaces] = useState<Map<string, Place>>()
  const shape = JSON.stringify([nodes.map(({ id }) => id), edges.map(({ id }) => id), direction])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape is all of them that counts.
  const question = useMemo<LayoutQuestion>(
    () => ({ nodes: nodes.map(({ id }) => id), edges, direction, width: NODE_WIDTH, height: NODE_HEIGHT }),
    [shape],
  )
  useLayoutEffect(() => {
    // A moment's work: a worker would take longer to start.
    if (question.nodes.length > MOST_FOR_DAGRE) return setPlaces(layered(question))
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => setPlaces(data.places)
    worker.postMessage(question)
    return () => worker.terminate()
  }, [question])
  return places
}
