// The mark in the tab and in the header: a gate.

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0f5f8c"/><path d="M7 25V14a9 9 0 0 1 18 0v11" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/><path d="M12 25V13.500M16 25V12M20 25V13.500" stroke="#fff" stroke-width="2.200" stroke-linecap="round"/></svg>
`
