import { useEffect, useMemo, useState } from 'react'

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

/** Places of all nodes; computed anew when nodes or edges change, and not when states do. */
export function useLayout({ nodes, edges }: Graph, direction: Direction): Map<string, Place> | undefined {
  const [places, setPlaces] = useState<Map<string, Place>>()
  const shape = JSON.stringify([nodes.map(({ id }) => id), edges.map(({ id }) => id), direction])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape is all of them that counts.
  const question = useMemo<LayoutQuestion>(
    () => ({ nodes: nodes.map(({ id }) => id), edges, direction, width: NODE_WIDTH, height: NODE_HEIGHT }),
    [shape],
  )
  useEffect(() => {
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => setPlaces(data.places)
    worker.postMessage(question)
    return () => worker.terminate()
  }, [question])
  return places
}
