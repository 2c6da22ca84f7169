import { useParams } from '@tanstack/react-router'
import { lazy } from 'react'
import { NAV } from '../nav'
import type { KeyHelp } from './KeysDialog'
import { Overlays } from './Overlays'

const ProjectPalette = lazy(async () => ({ default: (await import('./ProjectPalette')).ProjectPalette }))

const PROJECT: KeyHelp = [
  ['Ctrl K', 'go to a page, run, pipeline or artifact, or do something'],
  ...NAV.map(({ key, label }) => [`g ${key}`, `go to ${label.toLowerCase()}`] as const),
]
const RUN: KeyHelp = [
  ['[  ]', 'previous and next step'],
  ['l', 'the log of the step, or of the run'],
  ['arrows', 'in the graph: walk along its lines; in the time line: earlier and later'],
  ['+  -  0', 'in the time line: look closer, less closely, at all of it'],
]

/** The palette and the keys over the pages of a project. */
export function ProjectOverlays() {
  const { run } = useParams({ strict: false })
  return (
    <Overlays
      keys={run ? [...RUN, ...PROJECT] : PROJECT}
      palette={(close) => <ProjectPalette onClose={close} />}
    />
  )
}
