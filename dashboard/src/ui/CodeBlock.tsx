import css from './code.module.css'

/** Text as it was written; long lines scroll, also by keys. */
export function CodeBlock({ label, children }: { label: string; children: string }) {
  return (
    <pre className={css.code} tabIndex={0} role="group" aria-label={label}>
      {children}
    </pre>
  )
}
