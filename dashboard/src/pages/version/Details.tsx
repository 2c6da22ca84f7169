import type { ArtifactVersion } from '@contract/workspace'
import type { ReactNode } from 'react'
import { StepLink } from '@/app/links'
import { CopyButton } from '@/ui/CopyButton'
import { Note } from '@/ui/Note'
import { exact } from '@/ui/times'
import { Values } from '@/ui/Values'
import { JsonTree } from './preview/JsonTree'
import { useConsumers } from './useVersion'
import css from './version.module.css'

/** All that is known of a version. */
export function Details({ version }: { version: ArtifactVersion }) {
  return (
    <div className={css.details} tabIndex={0} role="region" aria-label="Details">
      <Part title="Made by">
        {version.producerStep ? (
          <Use step={version.producerStep} slot={version.producerOutput} way="output" />
        ) : (
          <p className="quiet">It was made outside any run.</p>
        )}
      </Part>
      <Part title="Taken by">
        <Consumers version={version.name} />
      </Part>
      <Part title="Metadata">
        <Given values={version.metadata} otherwise="Nothing was logged of it." />
      </Part>
      <Part title="Schema">
        {version.schema && Object.keys(version.schema).length > 0 ? (
          <JsonTree value={version.schema} />
        ) : (
          <p className="quiet">Its format has none.</p>
        )}
      </Part>
      <Part title="Content">
        <Content version={version} />
      </Part>
      <Part title="Written with">
        <Given values={version.writtenWith} otherwise="That is not on record." />
      </Part>
    </div>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={css.part}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function Content({ version }: { version: ArtifactVersion }) {
  return (
    <Values
      values={{
        Name: <Copied text={version.name} label="Copy the name" />,
        'Lies at': <Copied text={version.uri} label="Copy where it lies" />,
        'Python type': <span className="mono">{version.dataType}</span>,
        'SHA-256': <Copied text={version.contentHash} label="Copy the hash" />,
        Bytes: Number(version.sizeBytes).toLocaleString(),
        Made: version.createTime && exact(version.createTime),
        Creator: version.creator && <span className="mono">{version.creator}</span>,
      }}
    />
  )
}

function Copied({ text, label }: { text: string; label: string }) {
  return (
    <span className={css.copied}>
      <span className="mono">{text}</span>
      <CopyButton text={text} label={label} />
    </span>
  )
}

function Given({ values, otherwise }: { values: object; otherwise: string }) {
  if (Object.keys(values).length === 0) return <p className="quiet">{otherwise}</p>
  return <Values values={{ ...values }} />
}

function Consumers({ version }: { version: string }) {
  const { data, error } = useConsumers(version)
  if (error && !data) return <Note kind="bad" error={error} />
  if (!data) return <p className="quiet">Reading …</p>
  if (data.length === 0) return <p className="quiet">No step took it yet.</p>
  return (
    <ul className={css.uses}>
      {data.map(({ step, input }) => (
        <li key={`${step} ${input}`}>
          <Use step={step} slot={input} way="input" />
        </li>
      ))}
    </ul>
  )
}

function Use({ step, slot, way }: { step: string; slot: string; way: 'input' | 'output' }) {
  return (
    <p className={css.use}>
      <StepLink name={step} />
      <span className="quiet">
        as {way} <span className="mono">{slot}</span>
      </span>
    </p>
  )
}
