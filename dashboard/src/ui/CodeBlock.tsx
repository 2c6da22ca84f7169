import css from './code.module.css'

/** Text as it was written; long lines scroll, also by keys. */
export function CodeBlock({ label, children }: { label: string; children: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it.
    <pre className={css.code} tabIndex={0} role="group" aria-label={label}>
      {children}
    </pre>
  )
}
