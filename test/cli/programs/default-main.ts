// Exports its function as default.
export default async function (): Promise<void> {
  console.log('default');
}
