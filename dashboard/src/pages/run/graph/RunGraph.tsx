import {
  Background,
  Controls,
  type Edge,
  MarkerType,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
} from '@xyflow/react'
import '@xyflow/react/dist/style.css'
import type { Step } from '@contract/workspace'
import { useMemo } from 'react'
import { Button } from '@/ui/Button'
import { lookOf } from '@/ui/states'
import css from './graph.module.css'
import { type Graph, graphOf } from './graphOf'
import { type StepFlowNode, StepNode } from './StepNode'
import { type Direction, NODE_HEIGHT, NODE_WIDTH, type Place, useLayout } from './useLayout'
import { useWalk } from './useWalk'

const TYPES = { step: StepNode }
const MOST_WITHOUT_MAP = 40

type Props = {
  steps: Step[]
  chosen: string | undefined
  onOpen: (stepId: string) => void
  direction: Direction
  onTurn: (direction: Direction) => void
}

/** The steps of a run as a graph; the table beside says the same. */
export function RunGraph(props: Props) {
  const graph = useMemo(() => graphOf(props.steps), [props.steps])
  return (
    <section className={css.graph} aria-label="Graph of the steps">
      <ReactFlowProvider>
        <Flow {...props} graph={graph} />
      </ReactFlowProvider>
    </section>
  )
}

function Flow({ graph, chosen, onOpen, direction, onTurn }: Props & { graph: Graph }) {
  const places = useLayout(graph, direction)
  const onKeyDown = useWalk({ graph, places, direction, onOpen })
  const nodes = useMemo(() => flowNodes(graph, places, direction, chosen), [graph, places, direction, chosen])
  const edges = useMemo(() => flowEdges(graph), [graph])
  if (!places) return <p className={css.waiting}>Laying out {graph.nodes.length} steps …</p>
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys come from the nodes in it.
    <div className={css.flow} onKeyDown={onKeyDown}>
      <ReactFlow
        key={direction}
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        onlyRenderVisibleElements
        onNodeClick={(_, node) => onOpen(node.data.stepId)}
        fitView
        fitViewOptions={{ maxZoom: 1, minZoom: 0.5, padding: 0.08 }}
        minZoom={0.05}
        maxZoom={1.5}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={20} size={1} />
        <Controls showInteractive={false} />
        {graph.nodes.length > MOST_WITHOUT_MAP && <MiniMap pannable ariaLabel="Map of the graph" />}
      </ReactFlow>
      <div className={css.turn}>
        <Button size="small" onClick={() => onTurn(direction === 'LR' ? 'TB' : 'LR')}>
          {direction === 'LR' ? 'Top to bottom' : 'Left to right'}
        </Button>
      </div>
    </div>
  )
}

function flowNodes(
  { nodes }: Graph,
  places: Map<string, Place> | undefined,
  direction: Direction,
  chosen: string | undefined,
): StepFlowNode[] {
  return nodes.flatMap((node) => {
    const position = places?.get(node.id)
    if (!position) return []
    const data = { ...node, direction, isChosen: node.id === chosen }
    const ariaLabel = `${node.label}: ${lookOf(node.state).word}`
    return [
      {
        id: node.id,
        type: 'step' as const,
        position,
        data,
        ariaLabel,
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
      },
    ]
  })
}

function flowEdges({ edges }: Graph): Edge[] {
  return edges.map((edge) => ({ ...edge, markerEnd: { type: MarkerType.ArrowClosed } }))
}
