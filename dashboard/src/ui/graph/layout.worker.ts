// Where the boxes of a graph stand: beside the page, which goes on meanwhile.
import { Graph, layout } from '@dagrejs/dagre'
import type { LayoutAnswer, LayoutQuestion, Place } from './useLayout'

addEventListener('message', ({ data }: MessageEvent<LayoutQuestion>) => {
  postMessage({ places: byDagre(data) } satisfies LayoutAnswer)
})

function byDagre({ nodes, edges, direction, width, height }: LayoutQuestion): Map<string, Place> {
  const graph = new Graph()
  graph.setGraph({ rankdir: direction, nodesep: 22, ranksep: 56, marginx: 20, marginy: 20 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const id of nodes) graph.setNode(id, { width, height })
  for (const { source, target } of edges) graph.setEdge(source, target)
  layout(graph)
  const placeOf = (id: string): Place => {
    const { x, y } = graph.node(id)
    return { x: x - width / 2, y: y - height / 2 }
  }
  return new Map(nodes.map((id) => [id, placeOf(id)]))
}
