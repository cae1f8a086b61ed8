//! Tables of codes: text with one contract a line, columns separated by tabs, and a first line that names
//! them. The column `code` holds hexadecimal text; `name` or else `codehash` names the contract.

use super::contract::{Contract, code_from_text};

/// Whether a text is such a table.
pub fn is_table(text: &str) -> bool {
    let header = text.lines().next().unwrap_or_default();
    header.contains('\t') && column(header, "code").is_some()
}

/// The contracts of a table; lines without code are passed over.
pub fn read(text: &str, origin: &str) -> Vec<Contract> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let code = column(header, "code");
    let name = column(header, "name").or_else(|| column(header, "codehash"));
    let cell = |line: &'_ str, column: Option<usize>| -> Option<String> {
        line.split('\t').nth(column?).map(str::to_owned)
    };
    lines
        .enumerate()
        .filter_map(|(index, line)| {
            let text = cell(line, code)?;
            let name = cell(line, name).unwrap_or_else(|| format!("line {}", index + 2));
            Some(Contract::bare(name, origin.to_owned(), code_from_text(&text)))
        })
        .collect()
}

/// The place of a column.
fn column(header: &str, name: &str) -> Option<usize> {
    header.split('\t').position(|column| column == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_contract() {
        let table = "codehash\tsize\tcode\n0xaa\t2\t6001\n0xbb\t1\t0x00\n";
        assert!(is_table(table) && !is_table("6001\t00") && !is_table("code"));
        let found = read(table, "t.tsv");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].runtime.clone()), ("0xaa", Ok(vec![0x60, 1])));
        assert_eq!(found[1].runtime.clone(), Ok(vec![0]));
    }
}
