import { CopyButton } from './CopyButton'
import css from './copy.module.css'

/** A command to type, with a button that copies it. */
export function CopyCommand({ command }: { command: string }) {
  return (
    <div className={css.command}>
      <code>{command}</code>
      <CopyButton text={command} label="Copy the command" />
    </div>
  )
}
