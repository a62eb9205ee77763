// The TCP connection that carries a TLS one, by the name that Node keeps for itself. It knows the address
// of the other end already, which the TLS socket would ask the kernel for once more. Where the name is
// missing, the TLS socket itself does.
import { Socket } from 'node:net'

export function beneath(socket: Socket): Socket {
  const carrier: unknown = Reflect.get(socket, '_parent')
  return carrier instanceof Socket ? carrier : socket
}
