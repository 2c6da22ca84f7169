import { type Model, type ModelStage, UpdateModel } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay, useProject } from '@/app/project'
import { STAGES } from '@/app/stages'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import form from '@/ui/form.module.css'
import { useWhenOpened } from '@/ui/useWhenOpened'

/** Which stages versions enter only by a request that somebody else approves. */
export function GuardButton({ model: now }: { model: Model }) {
  const { client } = useProject()
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const model = useWhenOpened(isOpen, now)
  const guard = useMutation({
    mutationFn: (approvalStages: ModelStage[]) =>
      client.call(UpdateModel, {
        model: { name: model.name, etag: model.etag, approvalStages },
        updateMask: 'approvalStages',
      }),
    onSuccess: () => setOpen(false),
  })
  if (!may('models.update') || !may('models.approve')) return null
  return (
    <>
      <Button onClick={() => setOpen(true)}>Approvals</Button>
      <ConfirmDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={`Approvals of ${idOf(model.name)}`}
        verb="Save"
        onConfirm={(given) => guard.mutate(given.getAll('stage') as ModelStage[])}
        isBusy={guard.isPending}
        error={guard.error}
      >
        <p className="quiet">A version enters these stages by a request that somebody else approves.</p>
        <fieldset className={form.group}>
          <legend>Guarded stages</legend>
          {STAGES.map(([stage, label]) => (
            <label key={stage} className={form.check}>
              <input
                type="checkbox"
                name="stage"
                value={stage}
                defaultChecked={model.approvalStages.includes(stage)}
              />
              {label}
            </label>
          ))}
        </fieldset>
      </ConfirmDialog>
    </>
  )
}
