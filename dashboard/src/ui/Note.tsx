import type { ReactNode } from 'react'
import { ApiError } from '@/api/errors'
import css from './note.module.css'

type Props = { kind: 'bad' | 'warn' | 'info'; error?: unknown; children?: ReactNode }

/** A message beside what it is about; an error says what the server said, and how to find it in its log. */
export function Note({ kind, error, children }: Props) {
  return (
    <div className={`${css.note} ${css[kind]}`} role={kind === 'bad' ? 'alert' : 'status'}>
      {children}
      {error !== undefined && <ErrorText error={error} />}
    </div>
  )
}

export function ErrorText({ error }: { error: unknown }) {
  const requestId = error instanceof ApiError ? error.requestId : ''
  return (
    <>
      <p className={css.message}>{messageOf(error)}</p>
      {requestId && (
        <p className={css.request}>
          Request <span className="mono">{requestId}</span>
        </p>
      )}
    </>
  )
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.charAt(0).toUpperCase() + message.slice(1)
}
