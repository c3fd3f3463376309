/** What the table is called. */

export const tableFamily = 'inet'
export const tableName = 'bulkhead'
