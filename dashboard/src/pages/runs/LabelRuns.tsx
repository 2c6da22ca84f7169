import { type Run, UpdateRun } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { labelsOf } from '@/ui/labelText'
import { TextArea } from '@/ui/TextArea'
import { inTurn, type Outcome } from './inTurn'

type Props = { runs: Run[]; onDone: (outcome: Outcome<Run>) => void }

/** Gives runs labels beside those that they have. */
export function LabelRuns({ runs, onDone }: Props) {
  const { client } = useProject()
  const [isOpen, setOpen] = useState(false)
  const label = useMutation({
    mutationFn: (added: { [key: string]: string }) =>
      inTurn(runs, ({ name, etag, labels }) =>
        client.call(UpdateRun, {
          run: { name, etag, labels: { ...labels, ...added } },
          updateMask: 'labels',
        }),
      ),
    onSuccess: (outcome) => {
      setOpen(false)
      onDone(outcome)
    },
  })
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        Label {runs.length}
      </Button>
      <ConfirmDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={runs.length === 1 ? 'Label this run' : `Label ${runs.length} runs`}
        verb="Label"
        onConfirm={(form) => label.mutate(labelsOf(String(form.get('labels'))))}
        isBusy={label.isPending}
        error={label.error}
      >
        <TextArea
          label="Labels"
          name="labels"
          rows={4}
          required
          spellCheck={false}
          hint="One a line: key=value. Others that they have stay."
        />
      </ConfirmDialog>
    </>
  )
}
