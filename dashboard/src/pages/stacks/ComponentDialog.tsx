import type { Json, JsonValue } from '@contract/method'
import { type Component, CreateComponent, type Flavor, UpdateComponent } from '@contract/workspace'
import { useState } from 'react'
import { problemsOf } from '@/api/problems'
import { initialOf, isObject, type Schema } from '@/api/schema'
import { idOf } from '@/api/session'
import { useFlavors, useWhole } from '@/app/infrastructure'
import { useProject } from '@/app/project'
import { useWorkspaceChange } from '@/app/workspace'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { SchemaForm } from '@/ui/SchemaForm'
import { Select } from '@/ui/Select'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { ConnectorFields } from './ConnectorFields'
import { withWords } from './schemaWords'
import { typeOf } from './types'

const ROOT = 'component.config'

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone?: (id: string) => void
  /** The one to change; a new one where absent. */
  component?: Component
}

/** Sets a component up: its flavor says what there is to fill in. */
export function ComponentDialog(props: Props) {
  // Each time anew: what was typed before, or changed meanwhile, is not mixed in.
  return props.isOpen && <Opened {...props} />
}

function Opened({ isOpen, onClose, onDone, component: now }: Props) {
  const component = useWhenOpened(isOpen, now)
  const flavors = useWhole(useFlavors())
  const [name, setName] = useState('')
  const [config, setConfig] = useState<Json>(component?.config ?? {})
  const flavor = flavors.find((each) => each.name === (component?.flavor ?? name))
  const save = useSave(component, flavor, config)
  function choose(chosen: string) {
    setName(chosen)
    setConfig(
      objectOf(initialOf({ ...schemaOf(flavors.find((each) => each.name === chosen)), type: 'object' })),
    )
  }
  const done = (saved: Component) => {
    onClose()
    onDone?.(idOf(saved.name))
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={onClose}
      title={component ? `Edit ${component.displayName || idOf(component.name)}` : 'Create a component'}
      verb={component ? 'Save' : 'Create'}
      onConfirm={(form) => save.mutate(form, { onSuccess: done })}
      isBusy={save.isPending}
      error={save.error}
    >
      {!component && <FlavorField flavors={flavors} value={name} onChange={choose} />}
      <CommonFields of={component} error={save.error} noun="component" />
      {flavor && (
        <>
          <SchemaForm
            key={flavor.name}
            schema={withWords(schemaOf(flavor))}
            path={ROOT}
            value={config}
            onChange={(value) => setConfig(objectOf(value))}
            problems={problemsOf(save.error)}
          />
          <ConnectorFields {...(component && { component })} error={save.error} />
        </>
      )}
    </ConfirmDialog>
  )
}

type FlavorFieldProps = { flavors: Flavor[]; value: string; onChange: (flavor: string) => void }

function FlavorField({ flavors, value, onChange }: FlavorFieldProps) {
  const choices = flavors
    .map(
      ({ name, type, displayName }) => [name, `${typeOf(type).word}: ${displayName || idOf(name)}`] as const,
    )
    .sort(([, one], [, other]) => one.localeCompare(other))
  return (
    <Select
      label="Flavor"
      value={value}
      onChange={({ target }) => onChange(target.value)}
      choices={[['', 'Choose what it is …'], ...choices]}
      hint="It says what there is to fill in, and never changes."
      required
    />
  )
}

function useSave(component: Component | undefined, flavor: Flavor | undefined, config: Json) {
  const { client } = useProject()
  return useWorkspaceChange((form: FormData) => {
    const fields = {
      ...commonOf(form),
      config,
      connector: String(form.get('connector') ?? component?.connector ?? ''),
      connectorResource: String(form.get('connectorResource') ?? component?.connectorResource ?? '').trim(),
    }
    if (!component) {
      const componentId = String(form.get('id'))
      return client.call(CreateComponent, {
        componentId,
        component: { ...fields, flavor: flavor?.name ?? '' },
      })
    }
    const { name, etag } = component
    const updateMask = Object.keys(fields).join(',')
    return client.call(UpdateComponent, { component: { name, etag, ...fields }, updateMask })
  })
}

function schemaOf(flavor: Flavor | undefined): Schema {
  return (flavor?.configSchema ?? {}) as Schema
}

function objectOf(value: JsonValue | undefined): Json {
  return isObject(value) ? value : {}
}
