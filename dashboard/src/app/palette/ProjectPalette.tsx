import { Palette } from './Palette'
import { useEntries } from './useEntries'

/** Goes anywhere from within a project, and does what can be done anywhere. */
export function ProjectPalette({ onClose }: { onClose: () => void }) {
  return <Palette what="Page, run, pipeline, artifact" {...useEntries()} onClose={onClose} />
}
