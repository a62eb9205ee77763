// Questions and answers between two processes over the channel that node:cluster gives them. A question
// whose asker or answerer is gone, or that is not answered in time, is an error and never a wait.

/** By name: what is asked, and what is answered. */
export type Talk = Readonly<Record<string, readonly [question: unknown, answer: unknown]>>

/** How the questions of a talk are answered. */
export type Answers<T extends Talk> = {
  readonly [K in keyof T]: (question: T[K][0]) => T[K][1] | Promise<T[K][1]>
}

export interface Channel<Theirs extends Talk> {
  ask<K extends keyof Theirs & string>(
    kind: K,
    question: Theirs[K][0],
    withinMs?: number,
  ): Promise<Theirs[K][1]>
  /** Without an answer. */
  tell<K extends keyof Theirs & string>(kind: K, question: Theirs[K][0]): void
  /** To be handed each message of the other side. */
  take(message: unknown): void
  /** The other side is gone: what it was asked has no answer. */
  lost(): void
}

type Message =
  | { readonly to: 'ask'; readonly kind: string; readonly id?: number; readonly value: unknown }
  | { readonly to: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly to: 'fail'; readonly id: number; readonly value: string }

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** `send` may do nothing where the other side is gone; `lost` tells of that. */
export function createChannel<Mine extends Talk, Theirs extends Talk>(
  send: (message: object) => void,
  answers: Answers<Mine>,
  /** Of what was told and not asked, so that nobody else hears that it went wrong. */
  complain: (error: unknown) => void,
): Channel<Theirs> {
  const waiting = new Map<number, Waiting>()
  let asked = 0
  let isLost = false

  async function answer({ kind, id, value }: Extract<Message, { to: 'ask' }>): Promise<void> {
    try {
      if (!Object.hasOwn(answers, kind)) throw new Error(`nothing answers to ${kind}`)
      const given = await (answers as Answers<Talk>)[kind]?.(value)
      if (id !== undefined) send({ to: 'answer', id, value: given ?? null })
    } catch (error) {
      if (id === undefined) {
        complain(error)
        return
      }
      const words = error instanceof Error ? error.message : String(error)
      send({ to: 'fail', id, value: words })
    }
  }

  return {
    ask(kind, question, withinMs) {
      const id = ++asked
      return new Promise((resolve, reject) => {
        if (isLost) {
          reject(new Error(`nobody is there to answer ${kind}`))
          return
        }
        const late =
          withinMs === undefined
            ? undefined
            : setTimeout(() => settle(id)?.reject(new Error(`no answer to ${kind}`)), withinMs)
        waiting.set(id, {
          resolve: (value) => {
            clearTimeout(late)
            resolve(value)
          },
          reject: (error) => {
            clearTimeout(late)
            reject(error)
          },
        })
        send({ to: 'ask', kind, id, value: question })
      })
    },
    tell: (kind, question) => send({ to: 'ask', kind, value: question }),
    take(given) {
      const message = given as Message
      if (message.to === 'ask') void answer(message)
      else if (message.to === 'answer') settle(message.id)?.resolve(message.value)
      else settle(message.id)?.reject(new Error(message.value))
    },
    lost() {
      isLost = true
      for (const id of waiting.keys()) settle(id)?.reject(new Error('the process has ended'))
    },
  }

  function settle(id: number): Waiting | undefined {
    const found = waiting.get(id)
    waiting.delete(id)
    return found
  }
}
