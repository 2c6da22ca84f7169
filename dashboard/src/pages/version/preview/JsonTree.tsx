import type { JsonValue } from '@contract/method'
import { useState } from 'react'
import { Button } from '@/ui/Button'
import { CodeBlock } from '@/ui/CodeBlock'
import css from './preview.module.css'

const AT_ONCE = 100
const FEW = 20

/** A document as a tree; as text where it is none. */
export function JsonText({ text }: { text: string }) {
  const value = parsed(text)
  return (
    <div className={css.paper} tabIndex={0} role="group" aria-label="Document">
      {value === undefined ? <CodeBlock label="Text">{text}</CodeBlock> : <JsonTree value={value} />}
    </div>
  )
}

/** The value that a text says; undefined where it is no JSON. */
export function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}

export function JsonTree({ value }: { value: JsonValue }) {
  return (
    <div className={css.tree}>
      {isBranch(value) ? <Children value={value} isOuter /> : <Leaf value={value} />}
    </div>
  )
}

type Branch = JsonValue[] | { [key: string]: JsonValue }

function isBranch(value: JsonValue): value is Branch {
  return typeof value === 'object' && value !== null
}

/** The first hundred of what is in a value, and more when asked: a document may have millions. */
function Children({ value, isOuter = false }: { value: Branch; isOuter?: boolean }) {
  const [count, setCount] = useState(AT_ONCE)
  const entries = Object.entries(value)
  if (entries.length === 0) return <Leaf value={value} />
  return (
    <ul>
      {entries.slice(0, count).map(([key, inner]) => (
        <li key={key}>
          <Entry name={key} value={inner} isOpen={isOuter && entries.length <= FEW && isShort(inner)} />
        </li>
      ))}
      {entries.length > count && (
        <li>
          <Button size="small" onClick={() => setCount(count + AT_ONCE)}>
            {(entries.length - count).toLocaleString()} more
          </Button>
        </li>
      )}
    </ul>
  )
}

function Entry({ name, value, isOpen }: { name: string; value: JsonValue; isOpen: boolean }) {
  const [isShown, setShown] = useState(isOpen)
  if (!isBranch(value) || Object.keys(value).length === 0)
    return (
      <span className={css.entry}>
        <span className={css.key}>{name}</span> <Leaf value={value} />
      </span>
    )
  return (
    <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        <span className={css.key}>{name}</span> <span className={css.count}>{countOf(value)}</span>
      </summary>
      {isShown && <Children value={value} />}
    </details>
  )
}

function isShort(value: JsonValue): boolean {
  return isBranch(value) && Object.keys(value).length <= FEW
}

function countOf(value: Branch): string {
  const count = Object.keys(value).length
  return Array.isArray(value) ? `[ ${count} ]` : `{ ${count} }`
}

function Leaf({ value }: { value: JsonValue }) {
  return (
    <span className={css.leaf} data-type={typeof value}>
      {JSON.stringify(value)}
    </span>
  )
}
