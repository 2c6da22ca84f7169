import {
  type Model,
  type ModelStage,
  type ModelVersion,
  RequestStageTransition,
  TransitionModelVersionStage,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay, useProject } from '@/app/project'
import { holderOf, STAGES, stageInWords, versionInWords } from '@/app/stages'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import form from '@/ui/form.module.css'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'
import { TextArea } from '@/ui/TextArea'

type Props = { model: Model; version: ModelVersion }

/** Moves a version to another stage, or asks for it where the model guards that. */
export function MoveButton({ model, version }: Props) {
  const may = useMay()
  const [isOpen, setOpen] = useState(false)
  const stages = STAGES.map(([stage]) => stage).filter(
    (stage) =>
      stage !== version.stage &&
      may(model.approvalStages.includes(stage) ? 'models.update' : 'models.promote'),
  )
  if (stages.length === 0) return null
  return (
    <>
      <Button kind="primary" onClick={() => setOpen(true)}>
        Move to a stage
      </Button>
      {isOpen && (
        <MoveDialog model={model} version={version} stages={stages} onClose={() => setOpen(false)} />
      )}
    </>
  )
}

type DialogProps = Props & { stages: ModelStage[]; onClose: () => void }

function MoveDialog({ model, version, stages, onClose }: DialogProps) {
  const [chosen, setChosen] = useState(stages[0] as ModelStage)
  // It may be there by now, by somebody else.
  const stage = stages.includes(chosen) ? chosen : (stages[0] as ModelStage)
  const isGuarded = model.approvalStages.includes(stage)
  const holder = holderOf(stage, model, version)
  const move = useMove(version, stage, isGuarded, onClose)
  return (
    <ConfirmDialog
      isOpen
      onClose={onClose}
      title={`Move ${versionInWords(version.name)}`}
      verb={isGuarded ? 'Ask for it' : 'Move'}
      onConfirm={(given) => move.mutate(given)}
      isBusy={move.isPending}
      error={move.error}
    >
      <Select
        label="Stage"
        value={stage}
        onChange={(event) => setChosen(event.target.value as ModelStage)}
        choices={stages.map((each) => [each, stageInWords(each)] as const)}
      />
      {holder && (
        <label className={form.check}>
          <input type="checkbox" name="demote" required />
          {versionInWords(holder)} gives way, to Archived
        </label>
      )}
      {isGuarded && <Note kind="info">{stageInWords(stage)} is guarded: somebody else approves it.</Note>}
      <TextArea label="Why" name="comment" maxLength={1024} hint="Optional; it stays in the history." />
    </ConfirmDialog>
  )
}

function useMove(version: ModelVersion, stage: ModelStage, isGuarded: boolean, onSuccess: () => void) {
  const { client } = useProject()
  return useMutation<unknown, Error, FormData>({
    mutationFn: (given) => {
      const wish = {
        stage,
        demoteExisting: given.has('demote'),
        comment: String(given.get('comment')).trim(),
      }
      if (isGuarded) return client.call(RequestStageTransition, { parent: version.name, ...wish })
      return client.call(TransitionModelVersionStage, { name: version.name, ...wish })
    },
    onSuccess,
  })
}
