import type { Step } from '@contract/workspace'
import { VersionLink } from '@/app/links'
import { CopyButton } from '@/ui/CopyButton'
import css from './run.module.css'

/** What a step took and made: versions of artifacts. */
export function Slots({ step }: { step: Step }) {
  return (
    <>
      <Side title="Inputs" slots={step.inputs} />
      <Side title="Outputs" slots={step.outputs} />
    </>
  )
}

function Side({ title, slots }: { title: string; slots: { [name: string]: string } }) {
  const given = Object.entries(slots)
  return (
    <section>
      <h3 className={css.heading}>{title}</h3>
      {given.length === 0 && <p className="quiet">None.</p>}
      <ul className={css.slots}>
        {given.map(([name, version]) => (
          <li key={name} className={css.slot}>
            <span className={css.slotName}>{name}</span>
            <VersionLink name={version} />
            <CopyButton text={version} label={`Copy the name of ${name}`} />
          </li>
        ))}
      </ul>
    </section>
  )
}
