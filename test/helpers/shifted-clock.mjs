// Loaded before a program (`node --import`): SIGUSR2 moves its clock on by CLOCK_SHIFT_MS, and the next
// one back.
const RealDate = Date
let shift = 0
process.on('SIGUSR2', () => {
  shift = shift === 0 ? Number(process.env.CLOCK_SHIFT_MS) : 0
})
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shift)
    else super(...given)
  }

  static now() {
    return RealDate.now() + shift
  }
}
