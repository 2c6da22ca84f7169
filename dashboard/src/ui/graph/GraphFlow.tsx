import {
  Background,
  Controls,
  type Edge,
  MarkerType,
  type Node,
  type NodeHandle,
  type NodeTypes,
  Position,
  ReactFlow,
  ReactFlowProvider,
} from '@xyflow/react'
import '@xyflow/react/dist/style.css'
import { useMemo } from 'react'
import { Button } from '@/ui/Button'
import { GraphMap } from './GraphMap'
import css from './graph.module.css'
import { type Direction, type Graph, NODE_HEIGHT, NODE_WIDTH, type Place, useLayout } from './useLayout'
import { FIT, useOpening, useWalk } from './useWalk'

const MOST_WITHOUT_MAP = 40
const ARROW = { type: MarkerType.ArrowClosed }

type Props<N extends { id: string }> = {
  graph: Graph<N>
  /** What is drawn for a box: `box`. It is given the node, the direction, and whether it is chosen. */
  types: NodeTypes
  label: string
  /** What a box is called for those who do not see it. */
  nameOf: (node: N) => string
  chosen: string | undefined
  /** Answers true where the graph is drawn anew around the box. */
  onOpen: (id: string) => unknown
  direction: Direction
  onTurn: (direction: Direction) => void
}

/** Boxes and lines; a table beside says the same. */
export function GraphFlow<N extends { id: string }>(props: Props<N>) {
  return (
    <section className={css.graph} aria-label={props.label}>
      <ReactFlowProvider>
        <Flow {...props} />
      </ReactFlowProvider>
    </section>
  )
}

function Flow<N extends { id: string }>(props: Props<N>) {
  const { graph, types, nameOf, chosen, direction, onTurn } = props
  const places = useLayout(graph, direction)
  const open = useOpening(places, props.onOpen)
  const onKeyDown = useWalk({ graph, places, direction, onOpen: open })
  const nodes = useMemo(
    () => flowNodes(graph, places, direction, chosen, nameOf),
    [graph, places, direction, chosen, nameOf],
  )
  const edges = useMemo(() => flowEdges(graph), [graph])
  if (!places) return <p className={css.waiting}>Laying out {graph.nodes.length} boxes …</p>
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys come from the nodes in it.
    <div className={css.flow} onKeyDown={onKeyDown}>
      <ReactFlow
        key={direction}
        nodes={nodes}
        edges={edges}
        nodeTypes={types}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        onlyRenderVisibleElements
        onNodeClick={(_, node) => open(node.id)}
        fitView
        fitViewOptions={FIT}
        minZoom={0.05}
        maxZoom={1.5}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={20} size={1} />
        <Controls showInteractive={false} />
        {graph.nodes.length > MOST_WITHOUT_MAP && <GraphMap places={places} />}
      </ReactFlow>
      <div className={css.turn}>
        <Button size="small" onClick={() => onTurn(direction === 'LR' ? 'TB' : 'LR')}>
          {direction === 'LR' ? 'Top to bottom' : 'Left to right'}
        </Button>
      </div>
    </div>
  )
}

function flowNodes<N extends { id: string }>(
  { nodes }: Graph<N>,
  places: Map<string, Place> | undefined,
  direction: Direction,
  chosen: string | undefined,
  nameOf: (node: N) => string,
): Node[] {
  const handles = handlesOf(direction)
  return nodes.flatMap((node) => {
    const position = places?.get(node.id)
    if (!position) return []
    const data = { ...node, direction, isChosen: node.id === chosen }
    return [{ id: node.id, type: 'box', position, data, ariaLabel: nameOf(node), handles, ...SIZE }]
  })
}

const SIZE = { width: NODE_WIDTH, height: NODE_HEIGHT, measured: { width: NODE_WIDTH, height: NODE_HEIGHT } }

/** Where lines end. What is known is not measured: that would draw every box once, also out of sight. */
function handlesOf(direction: Direction): NodeHandle[] {
  const [x, y] = [NODE_WIDTH / 2, NODE_HEIGHT / 2]
  const point = { width: 0, height: 0 }
  return direction === 'LR'
    ? [
        { type: 'target', position: Position.Left, x: 0, y, ...point },
        { type: 'source', position: Position.Right, x: NODE_WIDTH, y, ...point },
      ]
    : [
        { type: 'target', position: Position.Top, x, y: 0, ...point },
        { type: 'source', position: Position.Bottom, x, y: NODE_HEIGHT, ...point },
      ]
}

function flowEdges({ edges }: Graph): Edge[] {
  return edges.map((edge) => ({ ...edge, markerEnd: ARROW }))
}
