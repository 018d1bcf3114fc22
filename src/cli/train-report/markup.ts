/** Text inside of HTML and SVG. Names and paths come from files and command lines, so that none may become markup. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The text so that it stands for itself, between tags and in quoted attributes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** A table; the cells of `head` and the first one of each row are headings. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`);
  const body = rows.map(
    ([first = '', ...rest]) =>
      `<tr><th scope="row">${escapeMarkup(first)}</th>${cells(rest, 'td').join('')}</tr>`,
  );
  return [
    '<div class="scroll"><table>',
    `<thead><tr>${cells(head, 'th').join('')}</tr></thead>`,
    `<tbody>${body.join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n');
}
