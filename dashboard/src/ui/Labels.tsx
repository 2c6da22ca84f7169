import css from './labels.module.css'

/** Labels as they are written; a key alone where it has no value. */
export function Labels({ labels }: { labels: { [key: string]: string } }) {
  return (
    <span className={css.labels}>
      {Object.entries(labels).map(([key, value]) => (
        <span key={key} className={css.label}>
          {value ? `${key}=${value}` : key}
        </span>
      ))}
    </span>
  )
}
