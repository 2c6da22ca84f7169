import type { Failure } from '@contract/workspace'
import { CodeBlock } from '@/ui/CodeBlock'
import css from './run.module.css'

const KINDS: Record<string, string> = {
  FAILURE_KIND_USER: 'Your code',
  FAILURE_KIND_SYSTEM: 'Weft itself',
  FAILURE_KIND_INFRASTRUCTURE: 'What it ran on',
}

/** What failed, where, and the lines around it; the traceback one press away. */
export function FailureText({ failure }: { failure: Failure }) {
  return (
    <div className={css.failure}>
      <p className={css.failureMessage}>
        {failure.exceptionType && <strong>{failure.exceptionType}: </strong>}
        {failure.message}
      </p>
      <p className={css.failureWhere}>
        {[KINDS[failure.kind], failure.step && `step ${failure.step}`, failure.location]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {failure.excerpt && <CodeBlock label="Where it failed">{failure.excerpt}</CodeBlock>}
      {failure.traceback && (
        <details>
          <summary>Traceback</summary>
          <CodeBlock label="Traceback">{failure.traceback}</CodeBlock>
        </details>
      )}
    </div>
  )
}
