import type { Run, Step } from '@contract/workspace'
import { CodeBlock } from '@/ui/CodeBlock'
import { CopyButton } from '@/ui/CopyButton'
import { Note } from '@/ui/Note'
import css from './run.module.css'
import { useSpec } from './useSpec'

/** The source of the step as it ran. */
export function Code({ run, step }: { run: Run; step: Step }) {
  const { spec, error, isPending } = useSpec(run, step)
  if (error) return <Note kind="bad" error={error} />
  if (isPending) return <p className="quiet">Reading the snapshot …</p>
  if (!spec?.source) return <p className="quiet">Its source was not recorded.</p>
  return (
    <div className={css.source}>
      <CopyButton text={spec.source} label="Copy the source" />
      <CodeBlock label="Source">{spec.source}</CodeBlock>
    </div>
  )
}
