import type { ConnectorType, ServiceConnector } from '@contract/workspace'
import { problemsOf } from '@/api/problems'
import { Field } from '@/ui/Field'
import form from '@/ui/form.module.css'

type Props = { type: ConnectorType; error: Error | null; connector?: ServiceConnector }

/** What credentials may be issued for: all that the type has, or less. */
export function Offer({ type, error, connector }: Props) {
  const example = type.resourceTypes.map(({ resourceIdExample }) => resourceIdExample).find(Boolean)
  const [only, ...more] = type.resourceTypes
  return (
    <>
      {only && more.length === 0 && <input type="hidden" name="onlyType" value={only.id} />}
      {type.resourceTypes.length > 1 && (
        <fieldset className={form.group}>
          <legend>Only for, all where none is chosen</legend>
          {type.resourceTypes.map(({ id, displayName }) => (
            <label key={id} className={form.check}>
              <input
                type="checkbox"
                name="resourceType"
                value={id}
                defaultChecked={connector?.resourceTypes.includes(id)}
              />
              {displayName || id}
            </label>
          ))}
        </fieldset>
      )}
      <Field
        label="Only the resource"
        name="resourceId"
        maxLength={1024}
        defaultValue={connector?.resourceId}
        problem={problemsOf(error).get('service_connector.resource_id')}
        hint={example ? `Such as ${example}; any where empty.` : 'Any where empty.'}
        autoComplete="off"
        spellCheck={false}
      />
    </>
  )
}
