import { Panel, useReactFlow, useStore } from '@xyflow/react'
import { type PointerEvent, useMemo } from 'react'
import css from './graph.module.css'
import { NODE_HEIGHT, NODE_WIDTH, type Place } from './useLayout'

/**
 * All boxes, small, and what of them is in sight; who presses somewhere goes there. One path draws them:
 * a component for each box, as React Flow's own map has, is most of what a large graph takes.
 */
export function GraphMap({ places }: { places: Map<string, Place> }) {
  const { setCenter, getZoom } = useReactFlow()
  const { viewBox, boxes } = useMemo(() => drawingOf([...places.values()]), [places])
  function go({ currentTarget, clientX, clientY }: PointerEvent<SVGSVGElement>) {
    const toScreen = currentTarget.getScreenCTM()
    if (!toScreen) return
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(toScreen.inverse())
    void setCenter(x, y, { zoom: getZoom() })
  }
  return (
    <Panel position="bottom-right" className={css.map ?? ''}>
      <svg
        role="img"
        aria-label="Map of the graph"
        viewBox={viewBox}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          go(event)
        }}
        onPointerMove={(event) => event.buttons > 0 && go(event)}
      >
        <path d={boxes} className={css.mapBoxes} />
        <InSight />
      </svg>
    </Panel>
  )
}

function InSight() {
  const [x, y, zoom] = useStore(({ transform }) => transform)
  const width = useStore((state) => state.width)
  const height = useStore((state) => state.height)
  return (
    <rect
      x={-x / zoom}
      y={-y / zoom}
      width={width / zoom}
      height={height / zoom}
      className={css.mapInSight}
    />
  )
}

function drawingOf(places: Place[]): { viewBox: string; boxes: string } {
  let [left, top, right, bottom] = [0, 0, 0, 0]
  for (const { x, y } of places) {
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x + NODE_WIDTH)
    bottom = Math.max(bottom, y + NODE_HEIGHT)
  }
  const boxes = places.map(({ x, y }) => `M${x} ${y}h${NODE_WIDTH}v${NODE_HEIGHT}h${-NODE_WIDTH}z`)
  return { viewBox: `${left} ${top} ${right - left} ${bottom - top}`, boxes: boxes.join('') }
}
