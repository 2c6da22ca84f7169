import { type ReactNode, useMemo } from 'react'
import { type Block, blocksOf, type Inline } from './markdown'
import css from './preview.module.css'

/** A report in markdown. Its headings stand below those of the page. */
export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text])
  return (
    <div className={css.paper} tabIndex={0} role="group" aria-label="Report">
      <article className={css.markdown}>
        <Blocks blocks={blocks} />
      </article>
    </div>
  )
}

// A text never changes without all of it being drawn anew, so places are good keys.
function Blocks({ blocks }: { blocks: Block[] }) {
  // biome-ignore lint/suspicious/noArrayIndexKey: as said above.
  return blocks.map((block, at) => <Drawn key={at} block={block} />)
}

function Drawn({ block }: { block: Block }): ReactNode {
  switch (block.type) {
    case 'heading':
      return <Heading level={block.level}>{inlines(block.inside)}</Heading>
    case 'paragraph':
      return <p>{inlines(block.inside)}</p>
    case 'code':
      return (
        <pre>
          <code>{block.text}</code>
        </pre>
      )
    case 'quote':
      return (
        <blockquote>
          <Blocks blocks={block.blocks} />
        </blockquote>
      )
    case 'list':
      return <List isOrdered={block.isOrdered} items={block.items} />
    case 'table':
      return <Table head={block.head} rows={block.rows} />
    default:
      return <hr />
  }
}

function Heading({ level, children }: { level: number; children: ReactNode }) {
  const Tag = (['h2', 'h3', 'h4', 'h5', 'h6'] as const)[Math.min(level, 5) - 1] ?? 'h6'
  return <Tag>{children}</Tag>
}

function List({ isOrdered, items }: { isOrdered: boolean; items: Block[][] }) {
  const Tag = isOrdered ? 'ol' : 'ul'
  return (
    <Tag>
      {items.map((blocks, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as said above.
        <li key={at}>
          <Blocks blocks={blocks} />
        </li>
      ))}
    </Tag>
  )
}

function Table({ head, rows }: { head: Inline[][]; rows: Inline[][][] }) {
  return (
    <table>
      <thead>
        <tr>
          {head.map((cell, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as said above.
            <th key={at} scope="col">
              {inlines(cell)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: as said above.
          <tr key={at}>
            {head.map((_, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: as said above.
              <td key={column}>{inlines(row[column] ?? [])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function inlines(all: Inline[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: as said above.
  return all.map((each, at) => <Words key={at} inline={each} />)
}

function Words({ inline }: { inline: Inline }): ReactNode {
  switch (inline.type) {
    case 'text':
      return inline.text
    case 'code':
      return <code>{inline.text}</code>
    case 'link':
      return (
        <a href={inline.href} target="_blank" rel="noreferrer">
          {inlines(inline.inside)}
        </a>
      )
    default: {
      const Tag = inline.type
      return <Tag>{inlines(inline.inside)}</Tag>
    }
  }
}
