// How a process that serves learns that it is to stop.

export function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const take = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', take).off('SIGINT', take)
      resolve(signal)
    }
    process.on('SIGTERM', take).on('SIGINT', take)
  })
}
